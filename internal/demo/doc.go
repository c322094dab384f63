// Package demo shows handshakes, and how they fail, on a network of its own: in namespaces that vanish with the process.
package demo
