// Image writes the container image of tcpprobe, for several architectures, as an OCI layout in a tar file. The same programs give
// the same octets. The program in it has the file capability CAP_NET_RAW, so that it probes as the ordinary user that it runs as.
package main

import (
	"archive/tar"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("image: ")
	version := flag.String("version", "", "the `version` of the program")
	seconds := flag.Int64("time", 0, "the time of the release, in `seconds` since 1970")
	copyright := flag.String("copyright", "", "the `file` with the licences")
	output := flag.String("o", "", "the tar `file` to write")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: image [flags] ARCHITECTURE=PROGRAM ...")
		flag.PrintDefaults()
	}
	flag.Parse()
	err := write(*output, release{*version, time.Unix(*seconds, 0).UTC(), *copyright}, flag.Args())
	if err != nil {
		log.Fatal(err)
	}
}

// release is what the images of all architectures have in common.
type release struct {
	version   string
	time      time.Time
	copyright string // a file
}

// write writes the images of programs, each given as ARCHITECTURE=FILE, and the index over them.
func write(output string, r release, programs []string) error {
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range programs {
		architecture, file, ok := strings.Cut(p, "=")
		if !ok {
			return fmt.Errorf("%s: want ARCHITECTURE=PROGRAM", p)
		}
		image, err := r.image(architecture, file)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// An index of its own, with the name, stands above that of the architectures: so tools know the one from the other.
	to, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	name := map[string]string{"org.opencontainers.image.ref.name": "localhost/tcpprobe:" + r.version}
	if err := to.AppendIndex(index, layout.WithAnnotations(name)); err != nil {
		return err
	}
	return pack(output, dir, r.time)
}

// pack puts all files below a folder into a tar file, in the order of their names.
func pack(output, dir string, at time.Time) (err error) {
	file, err := os.Create(output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := tar.NewWriter(file)
	root := os.DirFS(dir)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return add(w, &tar.Header{Name: name, Mode: 0o644, ModTime: at}, content)
	})
	return errors.Join(err, w.Close())
}

// add writes a file into a tar file.
func add(w *tar.Writer, h *tar.Header, content []byte) error {
	h.Size = int64(len(content))
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
