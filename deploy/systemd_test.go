package deploy

import "testing"

// TestUnit: systemd counts what the unit could be denied and is not, from 0 to 10. What is left here is sockets to anywhere, which are
// what the program is for. That the unit is valid where it is installed, scripts/test-packages tries.
func TestUnit(t *testing.T) {
	run(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", "systemd/tcpprobe.service")
}
