package serve

import (
	"errors"
	"fmt"
	"net/http"

	"tcpprobe/internal/webconfig"
)

// serveHTTP answers requests as the web configuration has it, if there is one: by TLS, to whom has a password, so many a second. It returns
// when the server is closed.
func (s *Server) serveHTTP(server *http.Server) error {
	l := newLimitedListener(s.options.Listener, s.options.Connections, func() { s.counters.refuse(overConnections) })
	return webconfig.Serve(l, server, s.options.WebConfig)
}

// CheckWebConfig returns an error, of one line, if a web configuration, or what it names, is not as it should be. Nothing is wrong with
// none.
func CheckWebConfig(file string) error {
	err := webconfig.Check(file)
	if wrong, ok := errors.AsType[*webconfig.FileError](err); ok {
		return fmt.Errorf("%s: %w", wrong.Name, tidyYAML(wrong.Err))
	}
	return err
}
