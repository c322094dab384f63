package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
)

//go:embed static
var static embed.FS

// Policy is the Content-Security-Policy of the pages. Everything that they need comes from where they come from, nothing
// stands in line, and nobody may show them in a frame.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// DiagramPolicy returns the Content-Security-Policy of a diagram that is a document of its own: it has its look in itself,
// and needs nothing else.
func DiagramPolicy(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; frame-ancestors 'none'"
}

// Asset is a file that the pages refer to.
type Asset struct {
	Name   string // in its URL, under /assets/: it changes with the contents, so that the file may be kept for ever
	Type   string // its media type
	Octets []byte
}

// asset reads a file.
func asset(name, extension, media string) (Asset, error) {
	octets, err := static.ReadFile("static/" + name + "." + extension)
	if err != nil {
		return Asset{}, err
	}
	sum := sha256.Sum256(octets)
	return Asset{Name: name + "-" + hex.EncodeToString(sum[:6]) + "." + extension, Type: media, Octets: octets}, nil
}
