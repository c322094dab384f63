//go:build linux

package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/text"
)

// seconds is a duration as a flag's value: Go's, or a bare number of seconds.
type seconds time.Duration

// Set reads a duration.
func (s *seconds) Set(text string) error {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(n, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("a duration is wanted, as in 300ms, 2s or 2")
	}
	*s = seconds(d)
	return nil
}

// String returns the duration as Go writes it, and nothing for none.
func (s *seconds) String() string {
	if *s == 0 {
		return ""
	}
	return text.Duration(time.Duration(*s))
}

// durationFlag returns a flag for a duration.
func durationFlag(name, alias, value, category, text string) cli.Flag {
	f := &cli.GenericFlag{Name: name, Value: new(seconds), Category: category, Usage: text, DefaultText: value}
	if value != "" {
		f.Value.Set(value)
	} else {
		f.DefaultText = " "
	}
	if alias != "" {
		f.Aliases = []string{alias}
	}
	return f
}

// optional is the value of a flag that may stand alone: --explain or --explain=checksum. As of any flag without a value, =true and
// =false may follow, too.
type optional struct {
	given bool
	value string // "" if it stands alone
	known string // the one value that there is
}

// Set takes what stands behind "=", or "true" if nothing does.
func (o *optional) Set(text string) error {
	switch text {
	case "true":
		text = ""
	case "false":
		*o = optional{known: o.known}
		return nil
	case o.known:
	default:
		return fmt.Errorf("only =%s may follow", o.known)
	}
	o.given, o.value = true, text
	return nil
}

// String returns the value.
func (o *optional) String() string { return o.value }

// IsBoolFlag says that the flag may stand alone (package flag).
func (o *optional) IsBoolFlag() bool { return true }

// stagger is the value of --race: nothing, or a duration.
type stagger struct{ seconds }

// Set takes what stands behind "=", or "true" if nothing does.
func (s *stagger) Set(text string) error {
	switch text {
	case "true":
		s.seconds = seconds(raceInterval)
		return nil
	case "false":
		s.seconds = 0
		return nil
	}
	if err := s.seconds.Set(text); err != nil {
		return err
	}
	if s.seconds == 0 {
		return fmt.Errorf("it must be more than 0")
	}
	return nil
}

// IsBoolFlag says that the flag may stand alone (package flag).
func (s *stagger) IsBoolFlag() bool { return true }

// standAlone is a flag with an optional value: the argument behind it is not its own.
type standAlone struct{ *cli.GenericFlag }

// TakesValue returns false.
func (standAlone) TakesValue() bool { return false }

func optionalFlag(name, category, text, value string) cli.Flag {
	return standAlone{&cli.GenericFlag{Name: name, Value: &optional{known: value}, Category: category, Usage: text, DefaultText: " "}}
}

func duration(c *cli.Context, name string) time.Duration {
	return time.Duration(*c.Generic(name).(*seconds))
}
