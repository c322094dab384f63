package webconfig

import (
	"crypto/sha256"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"
)

// Serve answers the requests of a listener, until the server is closed, as a file has it; as it is, without a name. The file is read
// again with each request and each connection, but for its rate limit and whether there is TLS.
func Serve(l net.Listener, server *http.Server, name string) error {
	if name == "" {
		return server.Serve(l)
	}
	c, err := Load(name)
	if err != nil {
		return err
	}
	g := &gate{name: name, next: server.Handler, passed: make(map[[sha256.Size]byte]bool)}
	if c.RateLimit.Interval > 0 {
		g.limiter = rate.NewLimiter(rate.Every(c.RateLimit.Interval), c.RateLimit.Burst)
	}
	server.Handler = g
	if !c.TLS.Enabled() {
		return server.Serve(l)
	}
	if server.TLSConfig, err = c.serverTLS(); err != nil {
		return err
	}
	server.TLSConfig.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c, err := Load(name)
		if err != nil {
			return nil, err
		}
		return c.serverTLS()
	}
	if http2 := c.HTTP.HTTP2; http2 != nil && !*http2 {
		server.TLSNextProto = make(map[string]func(*http.Server, *tls.Conn, http.Handler))
	}
	return server.ServeTLS(l, "", "")
}

// gate lets requests pass.
type gate struct {
	name    string // of the file
	next    http.Handler
	limiter *rate.Limiter // nil for any number

	guesses sync.Mutex // one after the other: each takes a processor for a tenth of a second
	mu      sync.Mutex
	passed  map[[sha256.Size]byte]bool // names, hashes and passwords that go together: bcrypt takes its time
}

// mostPassed is how many are remembered.
const mostPassed = 100

// ServeHTTP answers a request, or refuses it.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := Load(g.name)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	for name, value := range c.HTTP.Header {
		w.Header().Set(name, value)
	}
	switch {
	case g.limiter != nil && !g.limiter.Allow():
		http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
	case len(c.Users) > 0 && !g.knows(c.Users, r):
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
	default:
		g.next.ServeHTTP(w, r)
	}
}

// nobody is the hash that is compared for a user that there is not, so that it takes the same time: of octets that nobody knows.
const nobody = "$2a$10$u8AGrEzh9yagh4v2jbsHJ.bbjunVNqiuCw7yZC6.nf.QQ/STwV5IW"

// knows reports whether a request has the name and the password of a user.
func (g *gate) knows(users map[string]string, r *http.Request) bool {
	name, password, given := r.BasicAuth()
	hash, known := users[name]
	if !known {
		hash = nobody
	}
	key := sha256.Sum256([]byte(name + "\x00" + hash + "\x00" + password))
	g.mu.Lock()
	passed := g.passed[key]
	g.mu.Unlock()
	if passed && known && given {
		return true
	}
	g.guesses.Lock()
	defer g.guesses.Unlock()
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil || !known || !given {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.passed) >= mostPassed {
		clear(g.passed)
	}
	g.passed[key] = true
	return true
}
