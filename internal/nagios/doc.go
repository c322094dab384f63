// Package nagios speaks as the Monitoring Plugins guidelines want it: states, threshold ranges, and a line with performance
// data about some handshakes with one target.
package nagios
