// Package hostpolicy asks the kernel which firewall, address translation and IPsec of this host stand between its
// applications and the wire.
package hostpolicy
