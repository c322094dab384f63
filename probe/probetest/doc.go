// Package probetest is a network that is not there, with a peer in it, for tests of what drives handshakes.
package probetest
