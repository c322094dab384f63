package serve

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tcpprobe/internal/target"
)

// Files are the names of what a Server reads; empty for none.
type Files struct {
	Config  string // in YAML, see ParseConfig
	Web     string // of the exporter toolkit
	Targets string // one a line
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
	if f.Targets != "" {
		all, err := readTargets(f.Targets)
		if err != nil {
			return Settings{}, err
		}
		if _, ok := c.Modules[defaultModule]; !ok {
			return Settings{}, fmt.Errorf("%s: there is no module %s, which --targets takes", f.Config, defaultModule)
		}
		c.Watch = append(c.Watch, Group{Targets: all, Module: defaultModule})
	}
	s := Settings{Modules: c.Modules, Watch: c.Watch}
	if allowed := slices.Concat(allow, c.Allow); len(allowed) > 0 {
		s.Policy.Allow = allowed
	}
	s.Policy.Targets = make(map[string]bool)
	for _, g := range c.Watch {
		for _, t := range g.Targets {
			s.Policy.Targets[Key(t)] = true
		}
	}
	return s, nil
}

// mostTargets is how many targets may be watched.
const mostTargets = 1 << 16

// longestFile is how many octets a configuration may have.
const longestFile = 16 << 20

// readFile reads a whole file.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
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

// readTargets reads a file with a target a line.
func readTargets(name string) (all []target.Target, err error) {
	list, err := target.Rules{}.Open(context.Background(), nil, name, strings.NewReader(""), mostTargets)
	if err != nil {
		return nil, err
	}
	defer list.Close()
	for {
		t, ok := list.Next()
		if !ok {
			return all, nil
		}
		all = append(all, t)
	}
}

// Readable returns what is read again while a Server runs: the files, and the folders that they are in, since whoever manages them puts
// others in their place. Folders in which other programs have theirs too are left out: there a file is written in its place, or not read
// again.
func (f Files) Readable() ([]string, error) {
	named, err := WebFiles(f.Web)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range append(named, f.Config, f.Web, f.Targets) {
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
var processFiles = []string{"/proc/self/stat", "/proc/self/limits", "/proc/self/fd", "/proc/self/net/netstat", "/proc/stat"}

// isShared reports whether a folder is not for one program alone.
func isShared(folder string) bool {
	shared := []string{"/", "/etc", "/root", "/home", "/tmp", "/var", "/var/tmp", "/var/lib", "/run", "/usr", "/usr/local", "/usr/local/etc", "/opt", "/srv", "/dev", "/dev/shm"}
	return slices.Contains(shared, folder) || filepath.Dir(folder) == "/home" || strings.HasPrefix(folder, "/proc") || strings.HasPrefix(folder, "/sys")
}

// TLS reports whether the web configuration has a certificate.
func (f Files) TLS() bool {
	named, err := WebFiles(f.Web)
	return err == nil && len(named) > 0
}
