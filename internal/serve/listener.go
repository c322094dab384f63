package serve

import (
	"io"
	"net"
	"sync"
	"time"
)

// limitedListener accepts so many connections at once, and tells those beyond that there is no room, instead of having them wait.
type limitedListener struct {
	net.Listener
	room     chan struct{} // a place for each connection
	refusing chan struct{} // a place for each that is told
	refused  func()        // is called for each
}

// refusalTime is how long a connection without room may take to be told so, and mostRefusing how many are told at once: others are closed
// without a word.
const (
	refusalTime  = 500 * time.Millisecond
	mostRefusing = 64
)

// newLimitedListener returns a listener for so many connections at once.
func newLimitedListener(l net.Listener, most int, refused func()) *limitedListener {
	return &limitedListener{Listener: l, room: make(chan struct{}, most), refusing: make(chan struct{}, mostRefusing), refused: refused}
}

// Accept returns the next connection for which there is room.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.room <- struct{}{}:
			return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { <-l.room })}, nil
		default:
		}
		l.refused()
		select {
		case l.refusing <- struct{}{}:
			go l.refuse(conn)
		default:
			conn.Close()
		}
	}
}

// refuse answers whatever is asked for by a connection, and closes it. What was not read would have the kernel reset it, and the answer
// might be lost.
func (l *limitedListener) refuse(conn net.Conn) {
	defer func() { <-l.refusing }()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(refusalTime))
	var request [4096]byte
	if _, err := conn.Read(request[:]); err != nil {
		return
	}
	_, err := io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n"+
		"Connection: close\r\nContent-Length: 21\r\n\r\ntoo many connections\n")
	if half, ok := conn.(*net.TCPConn); ok && err == nil && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, conn) // until the other side has closed too, or the time is over
	}
}

// limitedConn is a connection that makes room when it is closed.
type limitedConn struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (c *limitedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
