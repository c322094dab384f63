// Package target reads what the user wants handshakes with: HOST:PORT, and lists of it in arguments and files.
package target
