package discovery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"time"

	"tcpprobe/internal/text"
)

// httpTimeout is how long an answer may take in all.
const httpTimeout = 10 * time.Second

// client asks for targets by HTTP.
type client struct{ http *http.Client }

// newClient returns a client. It knows the authorities of this host by then: later, their files may not be there to be read.
func newClient() (*client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the certificates of this host's authorities: %w", err)
	}
	return &client{&http.Client{
		Timeout: httpTimeout,
		Transport: &http.Transport{
			TLSClientConfig:       &tls.Config{RootCAs: roots},
			MaxIdleConnsPerHost:   1,
			IdleConnTimeout:       2 * defaultEvery,
			ResponseHeaderTimeout: httpTimeout,
			ForceAttemptHTTP2:     true,
		},
	}}, nil
}

// source returns the source that a URL is.
func (c *client) source(address string, most int) (*source, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: a URL is wanted that begins with http:// or https://", text.Printable(address))
	}
	return &source{
		name:  u.Redacted(),
		read:  func(ctx context.Context) ([]byte, error) { return c.get(ctx, address) },
		parse: func(b []byte) ([]Group, error) { return ParseJSON(b, most) },
	}, nil
}

// get returns what is told at a URL.
func (c *client) get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "tcpprobe")
	response, err := c.http.Do(request)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server says %s", text.Printable(response.Status))
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, fmt.Errorf("the server sends %s, and application/json is wanted", text.Printable(response.Header.Get("Content-Type")))
	}
	return readAll(response.Body)
}
