package probe

// What the engine reads of a machine, for the tests of the machine.

func (h *Handshake) Result() *TCP        { return h.result() }
func (h *Handshake) Findings() []Finding { return h.findings }
func (h *Handshake) Err() error          { return h.err }
