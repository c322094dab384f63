package serve

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"tcpprobe/internal/openfile"
	"tcpprobe/internal/webconfig"
)

// Files are the names of what a Server reads; empty for none.
type Files struct {
	Config  string   // in YAML, see ParseConfig
	Web     string   // see webconfig.Config
	Targets []string // see discovery.Parse
}

// Load reads the settings. allow is what the command line allows, beside the configuration. The error is one line, which names the file.
func (f Files) Load(allow []Pattern) (Settings, error) {
	c := Config{Modules: builtIn()}
	if f.Config != "" {
		content, err := readFile(f.Config)
		if err != nil {
			return Settings{}, err
		}
		if c, err = ParseConfig(content); err != nil {
			return Settings{}, fmt.Errorf("%s: %w", f.Config, err)
		}
	}
	s := Settings{Modules: c.Modules, Watch: c.Watch}
	if allowed := slices.Concat(allow, c.Allow); len(allowed) > 0 {
		s.Policy.Allow = allowed
	}
	return s, nil
}

// longestFile is how many octets a configuration may have.
const longestFile = 16 << 20

// readFile reads a whole file. It has to be a regular one: it is read again, and a named pipe would be waited for.
func readFile(name string) ([]byte, error) {
	f, err := openfile.Regular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, longestFile+1))
	if err == nil && len(content) > longestFile {
		err = fmt.Errorf("%s: it is longer than %d octets", name, longestFile)
	}
	return content, err
}

// Readable returns what is read again while a Server runs: the files, and the folders that they are in, since whoever manages them puts
// others in their place. Folders in which other programs have theirs too are left out: there a file is written in its place, or not read
// again.
func (f Files) Readable() ([]string, error) {
	web, err := webconfig.Load(f.Web)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range slices.Concat(web.Files(), []string{f.Config, f.Web}, f.Targets) {
		if name == "" {
			continue
		}
		all = append(all, name)
		whole, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		if folder := filepath.Dir(whole); !isShared(folder) && !slices.Contains(all, folder) {
			all = append(all, folder)
		}
	}
	return append(all, processFiles...), nil
}

// processFiles is what the metrics of this process are read from.
var processFiles = []string{"/proc/self/statm"}

// isShared reports whether a folder is not for one program alone.
func isShared(folder string) bool {
	shared := []string{"/", "/etc", "/root", "/home", "/tmp", "/var", "/var/tmp", "/var/lib", "/run", "/usr", "/usr/local", "/usr/local/etc", "/opt", "/srv", "/dev", "/dev/shm"}
	return slices.Contains(shared, folder) || filepath.Dir(folder) == "/home" || strings.HasPrefix(folder, "/proc") || strings.HasPrefix(folder, "/sys")
}

// TLS reports whether the web configuration has a certificate.
func (f Files) TLS() bool {
	web, err := webconfig.Load(f.Web)
	return err == nil && web.TLS.Enabled()
}
