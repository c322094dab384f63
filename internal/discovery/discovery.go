package discovery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tcpprobe/internal/openfile"
	"tcpprobe/internal/text"
)

// Options say where targets are found.
type Options struct {
	Files []string // see Parse
	URLs  []string // of http_sd

	// Every is how often URLs are asked, and files looked at where no news of them come, as from a network's file system; 30 s by default.
	Every time.Duration
	// Most is how many targets there may be in one source; 100,000 by default.
	Most int
}

const (
	defaultEvery = 30 * time.Second
	defaultMost  = 100_000
	mostOctets   = 32 << 20 // of one source
)

// settling is how long is waited after news of a file: whoever writes one often writes several.
const settling = 50 * time.Millisecond

// Discovery is sources of targets.
type Discovery struct {
	options Options
	sources []*source // files, then URLs
	news    *news     // of the folders of the files; nil if the kernel does not tell them
	again   chan struct{}
}

// source is one file or one URL.
type source struct {
	name   string
	read   func(context.Context) ([]byte, error)
	parse  func([]byte) ([]Group, error)
	file   bool
	hash   [sha256.Size]byte // of what was read last
	known  bool              // something was read
	failed string            // the error that was told last
	groups []Group
}

// Open reads the files, and has the kernel tell when they change. Nothing is asked by HTTP yet. The error is a line that names the file and
// the line in it.
func Open(o Options) (*Discovery, error) {
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Most <= 0 {
		o.Most = defaultMost
	}
	d := &Discovery{options: o, again: make(chan struct{}, 1)}
	for _, name := range o.Files {
		d.sources = append(d.sources, &source{
			name: name, file: true,
			read:  func(context.Context) ([]byte, error) { return readFile(name) },
			parse: func(b []byte) ([]Group, error) { return Parse(name, b, o.Most) },
		})
	}
	for _, s := range d.sources {
		if _, err := s.renew(context.Background()); err != nil {
			return nil, err
		}
	}
	if len(o.URLs) > 0 {
		client, err := newClient()
		if err != nil {
			return nil, err
		}
		for _, u := range o.URLs {
			s, err := client.source(u, o.Most)
			if err != nil {
				return nil, err
			}
			d.sources = append(d.sources, s)
		}
	}
	if len(o.Files) > 0 {
		d.news, _ = listen(d.Folders()) // without, they are looked at every now and then
	}
	return d, nil
}

// Sources returns how many files and URLs there are.
func (d *Discovery) Sources() int { return len(d.sources) }

// Close is for a Discovery that does not run, or no longer.
func (d *Discovery) Close() error {
	if d.news == nil {
		return nil
	}
	return d.news.close()
}

// Folders returns the folders of the files: whoever restricts what this process may read leaves it these, for a file that is put in the
// place of another.
func (d *Discovery) Folders() []string {
	var folders []string
	for _, name := range d.options.Files {
		if folder := filepath.Dir(name); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// Groups returns what was found last, in the order of the sources. It is for the time before Run, and for changed.
func (d *Discovery) Groups() (all []Group) {
	for _, s := range d.sources {
		all = append(all, s.groups...)
	}
	return all
}

// Run tells of changes until the context ends: changed of those that hold, and failed of those that do not, once for the same reason.
// Both are called by the goroutine of Run.
func (d *Discovery) Run(ctx context.Context, changed func([]Group), failed func(error)) {
	var told <-chan struct{}
	if d.news != nil {
		told = d.news.told(ctx)
	}
	ticker := time.NewTicker(d.options.Every)
	defer ticker.Stop()
	d.look(ctx, func(*source) bool { return true }, changed, failed)
	for {
		select {
		case <-ctx.Done():
			return
		case <-told:
			if !sleep(ctx, settling) {
				return
			}
			d.look(ctx, func(s *source) bool { return s.file }, changed, failed)
		case <-ticker.C:
			d.look(ctx, func(*source) bool { return true }, changed, failed)
		case <-d.again:
			d.look(ctx, func(*source) bool { return true }, changed, failed)
		}
	}
}

// Reload has Run look at all sources now. It may be called from any goroutine.
func (d *Discovery) Reload() {
	select {
	case d.again <- struct{}{}:
	default:
	}
}

// look reads sources again.
func (d *Discovery) look(ctx context.Context, wanted func(*source) bool, changed func([]Group), failed func(error)) {
	news := false
	for _, s := range d.sources {
		if !wanted(s) {
			continue
		}
		is, err := s.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && err.Error() != s.failed:
			s.failed = err.Error()
			failed(err)
		case err == nil:
			s.failed = ""
		}
		news = news || is
	}
	if news {
		changed(d.Groups())
	}
}

// renew reads a source again, and reports whether it says something else. With an error everything stays as it was.
func (s *source) renew(ctx context.Context) (changed bool, err error) {
	content, err := s.read(ctx)
	if err != nil {
		return false, fmt.Errorf("%s: %w", text.Printable(s.name), tidy(err))
	}
	hash := sha256.Sum256(content)
	if s.known && hash == s.hash {
		return false, nil
	}
	groups, err := s.parse(content)
	if err != nil {
		return false, fmt.Errorf("%s: %w", text.Printable(s.name), err)
	}
	s.groups, s.hash, s.known = groups, hash, true
	return true, nil
}

// tidy leaves the name of a file out of an error, in front of which it stands anyway.
func tidy(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}

// errTooLong is that there is more to read than anybody needs.
var errTooLong = fmt.Errorf("it is longer than %d octets", mostOctets)

// readFile returns the content of a regular file. Opening anything else, as a named pipe, would wait for its writer.
func readFile(name string) ([]byte, error) {
	f, err := openfile.Regular(name)
	if _, other := errors.AsType[*openfile.NotRegularError](err); other {
		return nil, errors.New("it is no regular file") // whose name stands in front
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

// readAll reads to the end, which is not too far away.
func readAll(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(r, mostOctets+1)); err != nil {
		return nil, err
	}
	if b.Len() > mostOctets {
		return nil, errTooLong
	}
	return b.Bytes(), nil
}

// sleep waits, and reports whether the context has not ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
