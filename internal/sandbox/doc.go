// Package sandbox takes from this process what it does not need to read what strangers send: on every thread, also on those
// born later, all capabilities, the way to new ones, the files and most of the system calls.
package sandbox
