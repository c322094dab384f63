package webconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"tcpprobe/internal/openfile"
)

// Config is what stands in a file. The zero Config protects nothing.
type Config struct {
	TLS       TLS               `yaml:"tls_server_config"`
	HTTP      HTTP              `yaml:"http_server_config"`
	RateLimit RateLimit         `yaml:"rate_limit"`
	Users     map[string]string `yaml:"basic_auth_users"` // bcrypt hashes of passwords, by name
}

// HTTP is what answers are like.
type HTTP struct {
	HTTP2  *bool             `yaml:"http2"` // with TLS; nil for true
	Header map[string]string `yaml:"headers"`
}

// RateLimit is how many requests are answered: Burst at once, and one more every Interval. Without an Interval any number is.
type RateLimit struct {
	Interval time.Duration `yaml:"interval"`
	Burst    int           `yaml:"burst"`
}

// headers are those that may be set.
var headers = []string{"Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "X-XSS-Protection"}

// longest is how many octets a file may have.
const longest = 1 << 20

// FileError is what is wrong with what stands in a file.
type FileError struct {
	Name string
	Err  error
}

// Error returns what is wrong, behind the name.
func (e *FileError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

// Load reads a file, of which nothing is asked what it names. No name is the zero Config. The error names the file.
func Load(name string) (Config, error) {
	if name == "" {
		return Config{}, nil
	}
	file, err := openfile.Regular(name)
	if err != nil {
		return Config{}, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, longest))
	if err != nil {
		return Config{}, err
	}
	c, err := parse(content)
	if err != nil {
		return Config{}, &FileError{name, err}
	}
	c.TLS.from(filepath.Dir(name))
	return c, nil
}

// parse reads what stands in a file. The error may name a line.
func parse(content []byte) (c Config, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) { // an empty file protects nothing
		return Config{}, err
	}
	for name, hash := range c.Users {
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return Config{}, fmt.Errorf("basic_auth_users: what stands for %q is no bcrypt hash: %w", name, err)
		}
	}
	for name := range c.HTTP.Header {
		if !slices.Contains(headers, name) {
			return Config{}, fmt.Errorf("http_server_config: header %q: one of %q is wanted", name, headers)
		}
	}
	if l := c.RateLimit; l.Interval < 0 || l.Burst < 0 || l.Interval > 0 && l.Burst == 0 {
		return Config{}, errors.New("rate_limit: interval is a duration, and burst at least 1 with it")
	}
	return c, c.TLS.check()
}

// Check returns an error if a file, or one that it names, is not as it should be.
func Check(name string) error {
	c, err := Load(name)
	if err != nil || !c.TLS.Enabled() {
		return err
	}
	if _, err := c.serverTLS(); err != nil {
		return &FileError{name, fmt.Errorf("tls_server_config: %w", err)}
	}
	return nil
}

// Files returns the files that a Config names, which are read again with each connection.
func (c Config) Files() (files []string) {
	for _, name := range []string{c.TLS.CertificateFile, c.TLS.KeyFile, c.TLS.ClientCAFile} {
		if name != "" {
			files = append(files, name)
		}
	}
	return files
}
