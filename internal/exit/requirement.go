package exit

import (
	"fmt"
	"strings"

	"tcpprobe/internal/stats"
)

// Requirement is how many of the handshakes of a run have to be established for it to exit with 0.
type Requirement struct {
	any   bool    // one will do
	both  bool    // all, and of both families
	share float64 // or else this share of them, more than 0 and up to 1
}

// All is the requirement that every handshake is established.
var All = Requirement{share: 1}

// ParseRequirement reads "any", "all", "both", or a percentage, more than 0% and up to 100%. The error quotes the text as it is.
func ParseRequirement(text string) (Requirement, error) {
	switch text {
	case "any":
		return Requirement{any: true}, nil
	case "all":
		return All, nil
	case "both":
		return Requirement{share: 1, both: true}, nil
	}
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		share, err := stats.ParsePercent(percent)
		if err == nil && share > 0 && share <= 1 {
			return Requirement{share: share}, nil
		}
	}
	return Requirement{}, fmt.Errorf("%s: any, all or a percentage is wanted, more than 0%% and up to 100%%, as in 90%%", text)
}

// Both reports whether both families are required, as can be asked of a race.
func (r Requirement) Both() bool { return r.both }

// Met reports whether so many established handshakes of so many, at least one, are enough.
func (r Requirement) Met(established, all int) bool {
	if r.any {
		return established > 0
	}
	return float64(established)/float64(all) >= r.share
}
