package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"tcpprobe/internal/recording"
	"tcpprobe/internal/text"
	"tcpprobe/internal/watch"
)

// shot is what a picture shows.
type shot struct {
	recording     string
	at            time.Duration // of it
	width, height int
	keys          string // that are pressed; "\n" is Enter
	theme         string
	plain, ascii  bool
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("screenshot: ")
	var s shot
	flag.StringVar(&s.recording, "replay", "docs/watch.ndjson", "the recording")
	flag.DurationVar(&s.at, "at", 0, "how far it has come")
	flag.IntVar(&s.width, "width", 80, "of the screen, in columns")
	flag.IntVar(&s.height, "height", 24, "of the screen, in rows")
	flag.StringVar(&s.keys, "keys", "", "keys that are pressed; a line feed is Enter")
	flag.StringVar(&s.theme, "theme", "auto", "light, dark or auto")
	flag.BoolVar(&s.plain, "plain", false, "no colors")
	flag.BoolVar(&s.ascii, "ascii", false, "ASCII alone")
	name := flag.String("o", "/dev/stdout", "where the picture goes")
	flag.Parse()
	picture, err := s.take()
	if err == nil {
		err = os.WriteFile(*name, []byte(picture), 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// take returns the picture.
func (s shot) take() (string, error) {
	file, err := os.Open(s.recording)
	if err != nil {
		return "", err
	}
	defer file.Close()
	results, err := recording.Read(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.recording, err)
	}
	replay := watch.NewReplay(results)
	replay.Seek(results[0].Time.Add(s.at))
	targets, moment := replay.At(time.Time{})
	moment.Replay = "" // the picture is of the live view
	view := &watch.View{Interval: time.Second}
	canvas := watch.NewCanvas(s.width, s.height, text.Style{UTF8: !s.ascii, Color: !s.plain})
	view.Draw(canvas, targets, moment)
	for _, key := range s.keys {
		if key == '\n' {
			key = rune(watch.KeyEnter)
		}
		view.Press(watch.Key(key))
		canvas.Resize(s.width, s.height)
		view.Draw(canvas, targets, moment)
	}
	return SVG(canvas, s.theme, "tcpprobe watch: targets, their latest handshakes, losses, times and outages"), nil
}
