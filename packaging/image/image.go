package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is who the program runs as: the number that rootless images have in common.
const user = "65532:65532"

// passwd names that user, for programs that ask who they are.
const passwd = "root:x:0:0:root:/:/sbin/nologin\ntcpprobe:x:65532:65532:tcpprobe:/:/sbin/nologin\n"

const group = "root:x:0:\ntcpprobe:x:65532:\n"

// image returns the image for one architecture.
func (r release) image(architecture, program string) (v1.Image, error) {
	files, err := r.files(program)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: r.time}, CreatedBy: "scripts/package"},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", architecture, v1.Time{Time: r.time}
	config.Config = v1.Config{
		User:       user,
		Entrypoint: []string{"/usr/bin/tcpprobe"},
		Cmd:        []string{"--help"}, // of a run that names no target
		Labels: map[string]string{
			"org.opencontainers.image.title":    "tcpprobe",
			"org.opencontainers.image.version":  r.version,
			"org.opencontainers.image.licenses": "MIT AND BSD-3-Clause AND Apache-2.0",
		},
	}
	return mutate.ConfigFile(image, config)
}

// files returns the layer of an image, a tar file.
func (r release) files(program string) ([]byte, error) {
	octets, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	licences, err := os.ReadFile(r.copyright)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name    string
		mode    int64
		content []byte // nil for a folder
		records map[string]string
	}{
		{"etc/", 0o755, nil, nil},
		{"etc/group", 0o644, []byte(group), nil},
		{"etc/passwd", 0o644, []byte(passwd), nil},
		{"usr/", 0o755, nil, nil},
		{"usr/bin/", 0o755, nil, nil},
		{"usr/bin/tcpprobe", 0o755, octets, map[string]string{"SCHILY.xattr.security.capability": netRaw()}},
		{"usr/share/", 0o755, nil, nil},
		{"usr/share/doc/", 0o755, nil, nil},
		{"usr/share/doc/tcpprobe/", 0o755, nil, nil},
		{"usr/share/doc/tcpprobe/copyright", 0o644, licences, nil},
	} {
		h := &tar.Header{Name: f.name, Mode: f.mode, ModTime: r.time, PAXRecords: f.records}
		if err := add(w, h, f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// netRaw returns the extended attribute security.capability of a file that gives CAP_NET_RAW to whoever runs it: struct vfs_cap_data
// of linux/capability.h, in its second revision. It is permitted and not effective, as the program raises it itself; otherwise a
// container that may not have it could not even start.
func netRaw() string {
	const revision2, capNetRaw = 0x02000000, 13
	var b []byte
	for _, word := range []uint32{
		revision2,
		1 << capNetRaw, 0, // permitted, inheritable
		0, 0, // the same of the capabilities from 32 on
	} {
		b = binary.LittleEndian.AppendUint32(b, word)
	}
	return string(b)
}
