package webconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// TLS is who this server is, and whom it serves. Certificates and keys are PEM, in files or in place.
type TLS struct {
	Certificate     string   `yaml:"cert"`
	CertificateFile string   `yaml:"cert_file"`
	Key             string   `yaml:"key"`
	KeyFile         string   `yaml:"key_file"`
	ClientAuth      string   `yaml:"client_auth_type"`
	ClientCA        string   `yaml:"client_ca"`
	ClientCAFile    string   `yaml:"client_ca_file"`
	ClientSANs      []string `yaml:"client_allowed_sans"` // one of them has to be in the client's certificate
	CipherSuites    []string `yaml:"cipher_suites"`
	Curves          []string `yaml:"curve_preferences"`
	MinVersion      string   `yaml:"min_version"`
	MaxVersion      string   `yaml:"max_version"`

	// PreferServerCipherSuites has no effect any more (crypto/tls).
	PreferServerCipherSuites bool `yaml:"prefer_server_cipher_suites"`
}

// The words of the file.
var (
	versions = map[string]uint16{"TLS10": tls.VersionTLS10, "TLS11": tls.VersionTLS11, "TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13}
	curves   = map[string]tls.CurveID{"CurveP256": tls.CurveP256, "CurveP384": tls.CurveP384, "CurveP521": tls.CurveP521, "X25519": tls.X25519}
	auths    = map[string]tls.ClientAuthType{
		"": tls.NoClientCert, "NoClientCert": tls.NoClientCert, "RequestClientCert": tls.RequestClientCert, "RequireAnyClientCert": tls.RequireAnyClientCert,
		"RequireClientCert": tls.RequireAnyClientCert, "VerifyClientCertIfGiven": tls.VerifyClientCertIfGiven,
		"RequireAndVerifyClientCert": tls.RequireAndVerifyClientCert,
	}
)

// Enabled reports whether there is to be TLS.
func (t TLS) Enabled() bool {
	return t.Certificate+t.CertificateFile+t.Key+t.KeyFile+t.ClientCA+t.ClientCAFile+t.ClientAuth != ""
}

// from takes names of files as those in a folder, unless they are whole.
func (t *TLS) from(folder string) {
	for _, name := range []*string{&t.CertificateFile, &t.KeyFile, &t.ClientCAFile} {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(folder, *name)
		}
	}
}

// check returns an error if words do not go together. It reads no file.
func (t TLS) check() error {
	fail := func(format string, a ...any) error { return fmt.Errorf("tls_server_config: "+format, a...) }
	_, auth := auths[t.ClientAuth]
	switch {
	case !t.Enabled():
		return nil
	case (t.Certificate == "") == (t.CertificateFile == ""):
		return fail("one of cert_file and cert is wanted")
	case (t.Key == "") == (t.KeyFile == ""):
		return fail("one of key_file and key is wanted")
	case t.ClientCA != "" && t.ClientCAFile != "":
		return fail("client_ca_file and client_ca are both there: one is wanted")
	case !auth:
		return fail("client_auth_type %q is none of crypto/tls", t.ClientAuth)
	case t.ClientCA+t.ClientCAFile != "" && auths[t.ClientAuth] == tls.NoClientCert:
		return fail("client_ca_file is for a client_auth_type, such as RequireAndVerifyClientCert")
	case len(t.ClientSANs) > 0 && auths[t.ClientAuth] != tls.RequireAndVerifyClientCert:
		return fail("client_allowed_sans is for client_auth_type RequireAndVerifyClientCert")
	case auths[t.ClientAuth] >= tls.VerifyClientCertIfGiven && t.ClientCA+t.ClientCAFile == "":
		return fail("client_auth_type %s takes client_ca_file", t.ClientAuth)
	}
	for _, v := range []string{t.MinVersion, t.MaxVersion} {
		if _, ok := versions[v]; !ok && v != "" {
			return fail("version %q: one of TLS10, TLS11, TLS12 and TLS13 is wanted", v)
		}
	}
	for _, c := range t.Curves {
		if _, ok := curves[c]; !ok {
			return fail("curve %q: one of CurveP256, CurveP384, CurveP521 and X25519 is wanted", c)
		}
	}
	for _, name := range t.CipherSuites {
		if _, ok := suite(name); !ok {
			return fail("cipher suite %q is none of crypto/tls, or not secure", name)
		}
	}
	return nil
}

// suite returns the number of a cipher suite.
func suite(name string) (uint16, bool) {
	for _, s := range tls.CipherSuites() {
		if s.Name == name {
			return s.ID, true
		}
	}
	return 0, false
}

// serverTLS returns the configuration of crypto/tls, with what the files hold now.
func (c Config) serverTLS() (*tls.Config, error) {
	t := c.TLS
	certificate, err := pem(t.Certificate, t.CertificateFile)
	if err != nil {
		return nil, err
	}
	key, err := pem(t.Key, t.KeyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: auths[t.ClientAuth], MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13,
		NextProtos: []string{"h2", "http/1.1"},
	}
	if http2 := c.HTTP.HTTP2; http2 != nil && !*http2 {
		config.NextProtos = config.NextProtos[1:]
	}
	if t.MinVersion != "" {
		config.MinVersion = versions[t.MinVersion]
	}
	if t.MaxVersion != "" {
		config.MaxVersion = versions[t.MaxVersion]
	}
	for _, name := range t.CipherSuites {
		id, _ := suite(name)
		config.CipherSuites = append(config.CipherSuites, id)
	}
	for _, name := range t.Curves {
		config.CurvePreferences = append(config.CurvePreferences, curves[name])
	}
	if t.ClientCA+t.ClientCAFile != "" {
		authorities, err := pem(t.ClientCA, t.ClientCAFile)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(authorities) {
			return nil, errors.New("client_ca_file has no certificate in it")
		}
	}
	if len(t.ClientSANs) > 0 {
		config.VerifyConnection = t.verify
	}
	return config, nil
}

// pem returns what stands in place, or in a file.
func pem(inPlace, file string) ([]byte, error) {
	if inPlace != "" {
		return []byte(inPlace), nil
	}
	return os.ReadFile(file)
}

// verify returns an error unless one of the names of a client, whose certificate has been verified, is allowed.
func (t TLS) verify(state tls.ConnectionState) error {
	certificate := state.PeerCertificates[0]
	names := slices.Concat(certificate.DNSNames, certificate.EmailAddresses)
	for _, address := range certificate.IPAddresses {
		names = append(names, address.String())
	}
	for _, uri := range certificate.URIs {
		names = append(names, uri.String())
	}
	if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(t.ClientSANs, name) }) {
		return errors.New("no name of the client's certificate is allowed")
	}
	return nil
}
