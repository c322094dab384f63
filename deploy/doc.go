// Package deploy has what a fleet needs beside the program: for Prometheus, Kubernetes, Grafana and systemd. Its tests read all of it as
// those do, by their own types and tools, and are a module of their own, so that the program is linked with none of them.
package deploy
