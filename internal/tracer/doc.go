// Package tracer finds the paths that SYNs take: it makes handshakes whose Time to Live rises, of one flow or of several,
// with SYNs of every kind and of every size.
package tracer
