// Package e2e tests the program as its users have it: as a process, in networks of its own.
package e2e
