package serve

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// serveHTTP answers requests as the web configuration has it, if there is one: by TLS, to whom has a password, so many a second. It returns
// when the server is closed.
func (s *Server) serveHTTP(server *http.Server) error {
	l := newLimitedListener(s.options.Listener, s.options.Connections, func() { s.counters.refuse(overConnections) })
	file := s.options.WebConfig
	return web.Serve(l, server, &web.FlagConfig{WebConfigFile: &file}, slog.New(slog.DiscardHandler))
}

// CheckWebConfig returns an error if a web configuration, or what it names, is not as it should be. Nothing is wrong with none.
func CheckWebConfig(file string) error {
	if err := web.Validate(file); err != nil {
		return fmt.Errorf("%s: %w", file, tidyYAML(err))
	}
	return nil
}

// WebFiles returns the files that a web configuration names, which are read again with each connection.
func WebFiles(file string) (files []string, err error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var c struct {
		TLS struct {
			Certificate string `yaml:"cert_file"`
			Key         string `yaml:"key_file"`
			ClientCAs   string `yaml:"client_ca_file"`
		} `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(content, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, name := range []string{c.TLS.Certificate, c.TLS.Key, c.TLS.ClientCAs} {
		if name != "" && !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		if name != "" {
			files = append(files, name)
		}
	}
	return files, nil
}
