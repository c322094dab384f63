// Package openfile opens files that may be something else: a named pipe is waited for until a context ends, or not at all.
package openfile
