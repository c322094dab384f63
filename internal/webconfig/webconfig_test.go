package webconfig_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"tcpprobe/internal/webconfig"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes a file of a folder, and returns its name.
func write(t *testing.T, folder, name, content string) string {
	t.Helper()
	name = filepath.Join(folder, name)
	must(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

// serve answers requests of loopback as a file has it, and returns where.
func serve(t *testing.T, file string) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "served") })}
	ended := make(chan error, 1)
	go func() { ended <- webconfig.Serve(l, server, file) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-ended; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// get asks, as a user if it is named, and returns the status.
func get(t *testing.T, client *http.Client, url, user, password string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	answer, err := client.Do(r)
	if err == nil {
		answer.Body.Close()
	}
	return answer, err
}

func hashOf(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	must(t, err)
	return string(hash)
}

// TestUsers: who has the password is served, also after the file has changed, and nobody else.
func TestUsers(t *testing.T) {
	folder := t.TempDir()
	file := write(t, folder, "web.yml", "basic_auth_users: {ann: '"+hashOf(t, "first")+"'}\nhttp_server_config: {headers: {X-Frame-Options: deny}}\n")
	url := "http://" + serve(t, file) + "/"
	ask := func(user, password string, want int) {
		t.Helper()
		answer, err := get(t, http.DefaultClient, url, user, password)
		must(t, err)
		if answer.StatusCode != want || answer.Header.Get("X-Frame-Options") != "deny" || (want == 401) != (answer.Header.Get("WWW-Authenticate") == "Basic") {
			t.Errorf("%s %s: %v, want %d", user, password, answer, want)
		}
	}
	for range 2 {
		ask("", "", 401)
		ask("ann", "first", 200)
		ask("ann", "second", 401)
		ask("ann", "", 401)
		ask("bob", "first", 401)
	}
	write(t, folder, "web.yml", "basic_auth_users: {ann: '"+hashOf(t, "second")+"'}\nhttp_server_config: {headers: {X-Frame-Options: deny}}\n")
	ask("ann", "first", 401)
	ask("ann", "second", 200)
	write(t, folder, "web.yml", "basic_auth_users: [\n")
	if answer, err := get(t, http.DefaultClient, url, "ann", "second"); err != nil || answer.StatusCode != 500 {
		t.Errorf("a broken file lets pass: %v, %v", answer, err)
	}
}

func TestRateLimit(t *testing.T) {
	url := "http://" + serve(t, write(t, t.TempDir(), "web.yml", "rate_limit: {interval: 1h, burst: 2}\n")) + "/"
	for i, want := range []int{200, 200, 429, 429} {
		if answer, err := get(t, http.DefaultClient, url, "", ""); err != nil || answer.StatusCode != want {
			t.Errorf("request %d: %v, %v, want %d", i+1, answer, err, want)
		}
	}
}

// certificate writes a certificate for a name, and its key, signed by whom it is given or by itself.
func certificate(t *testing.T, folder, name string, signer *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: signer == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	parent, by := template, any(key)
	if signer != nil {
		parent, by = signer.Leaf, signer.PrivateKey
	}
	octets, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	certificatePEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: octets})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	write(t, folder, name+".crt", string(certificatePEM))
	write(t, folder, name+".key", string(keyPEM))
	pair, err := tls.X509KeyPair(certificatePEM, keyPEM)
	must(t, err)
	pair.Leaf, err = x509.ParseCertificate(octets)
	must(t, err)
	return pair
}

// TestTLS: a client with an allowed certificate is served, others and plain text are not; a certificate that is replaced is taken.
func TestTLS(t *testing.T) {
	folder := t.TempDir()
	authority := certificate(t, folder, "authority", nil)
	certificate(t, folder, "server", &authority)
	good, other := certificate(t, folder, "good", &authority), certificate(t, folder, "other", &authority)
	stranger := certificate(t, folder, "stranger", nil)
	file := write(t, folder, "web.yml", "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n"+
		"  client_ca_file: authority.crt\n  client_allowed_sans: [good]\n  min_version: TLS13\n")
	must(t, webconfig.Check(file))
	at := serve(t, file)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	ask := func(c *tls.Config) (*http.Response, error) {
		c.RootCAs = pool
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
		return get(t, client, "https://"+at+"/", "", "")
	}
	first, err := ask(&tls.Config{Certificates: []tls.Certificate{good}})
	if err != nil || first.StatusCode != 200 || first.ProtoMajor != 2 || first.TLS.Version != tls.VersionTLS13 {
		t.Fatalf("%v, %v", first, err)
	}
	for name, c := range map[string]*tls.Config{
		"no certificate": {}, "one that is not allowed": {Certificates: []tls.Certificate{other}}, "a stranger's": {Certificates: []tls.Certificate{stranger}},
		"an old version": {Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS12},
	} {
		if answer, err := ask(c); err == nil {
			t.Errorf("with %s: %v", name, answer)
		}
	}
	if answer, err := get(t, http.DefaultClient, "http://"+at+"/", "", ""); err == nil && answer.StatusCode != 400 {
		t.Errorf("in plain text: %v", answer)
	}
	certificate(t, folder, "server", &authority)
	second, err := ask(&tls.Config{Certificates: []tls.Certificate{good}})
	if err != nil || second.TLS.PeerCertificates[0].SerialNumber.Cmp(first.TLS.PeerCertificates[0].SerialNumber) == 0 {
		t.Errorf("the certificate that was replaced goes on: %v", err)
	}
	c, err := webconfig.Load(file)
	must(t, err)
	if files := c.Files(); len(files) != 3 || files[0] != filepath.Join(folder, "server.crt") {
		t.Errorf("%q", files)
	}
}

// TestCheck: each fault is one that is named.
func TestCheck(t *testing.T) {
	folder := t.TempDir()
	certificate(t, folder, "server", nil)
	const tlsOf = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
	for content, want := range map[string]string{
		"":    "",
		tlsOf: "",
		tlsOf + "  prefer_server_cipher_suites: true\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n  curve_preferences: [X25519]\n": "",
		"rate_limit: {interval: 1s, burst: 5}\nhttp_server_config: {http2: false}\n":                                                               "",
		"users: {}\n":                                                        "line 1: field users not found",
		"basic_auth_users: {ann: secret}\n":                                  `basic_auth_users: what stands for "ann" is no bcrypt hash`,
		"http_server_config: {headers: {Server: x}}\n":                       `http_server_config: header "Server": one of`,
		"rate_limit: {interval: 1s}\n":                                       "rate_limit: interval is a duration, and burst at least 1 with it",
		"tls_server_config: {cert_file: server.crt}\n":                       "tls_server_config: one of key_file and key is wanted",
		"tls_server_config: {cert_file: server.crt, cert: x, key: y}\n":      "tls_server_config: one of cert_file and cert is wanted",
		"tls_server_config: {cert_file: none.crt, key_file: server.key}\n":   "none.crt: no such file",
		"tls_server_config: {cert_file: server.key, key_file: server.key}\n": "tls_server_config: tls: ",
		tlsOf + "  client_auth_type: Perhaps\n":                              `client_auth_type "Perhaps" is none of crypto/tls`,
		tlsOf + "  client_auth_type: RequireAndVerifyClientCert\n":           "takes client_ca_file",
		tlsOf + "  client_ca_file: server.crt\n":                             "client_ca_file is for a client_auth_type",
		tlsOf + "  client_allowed_sans: [x]\n":                               "client_allowed_sans is for client_auth_type RequireAndVerifyClientCert",
		tlsOf + "  min_version: SSL3\n":                                      `version "SSL3": one of TLS10`,
		tlsOf + "  curve_preferences: [P256]\n":                              `curve "P256": one of CurveP256`,
		tlsOf + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n":              `cipher suite "TLS_RSA_WITH_RC4_128_SHA" is none of crypto/tls, or not secure`,
	} {
		err := webconfig.Check(write(t, folder, "web.yml", content))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
	}
	if err := webconfig.Check(filepath.Join(folder, "none.yml")); err == nil {
		t.Error("there is no such file")
	}
	must(t, webconfig.Check(""))
}
