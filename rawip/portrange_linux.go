package rawip

import "os"

// ReadPortRange asks the kernel for the range of this network namespace. Where there is no /proc, it is the one
// that kernels have by default, as [ParsePortRange] says.
func ReadPortRange() PortRange {
	ports, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	reserved, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_reserved_ports")
	return ParsePortRange(string(ports), string(reserved))
}
