package main

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "draw the picture of the README anew")

// readme is what the picture of the README shows: one target is down, another is selected that went down a while ago.
var readme = shot{recording: "../../docs/watch.ndjson", at: 44500 * time.Millisecond, width: 100, height: 32, keys: "j", theme: "auto"}

// TestPicture: the picture of the README is what is drawn of the recording.
func TestPicture(t *testing.T) {
	const file = "../../docs/watch.svg"
	got, err := readme.take()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is drawn of %s: scripts/screenshot draws it anew", file, readme.recording)
	}
	for _, word := range []string{"db.example.net:5432", "31 of 42 handshakes established", "TIMEOUT", "syn_retransmitted"} {
		if !strings.Contains(got, word) {
			t.Errorf("the picture does not show %q", word)
		}
	}
}

// TestPictureIsXML: every kind of picture is a document that can be read.
func TestPictureIsXML(t *testing.T) {
	for _, keys := range []string{"", "\n", "?", "ss", "\n+++"} {
		for _, theme := range []string{"light", "dark", "auto"} {
			s := readme
			s.keys, s.theme = keys, theme
			picture, err := s.take()
			if err != nil {
				t.Fatal(err)
			}
			d := xml.NewDecoder(strings.NewReader(picture))
			for err == nil {
				_, err = d.Token()
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("keys %q, %s: %v", keys, theme, err)
			}
		}
	}
}
