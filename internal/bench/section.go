package main

import (
	"os"
	"regexp"
	"strings"
)

// sections are the parts of the report that are measured by themselves, in their order. Each stands between two lines that say so.
var sections = []string{"sweep", "serve probes", "serve overload", "serve scrape", "read"}

// border returns the line in front of a section, or behind it.
func border(section, end string) string {
	return "<!-- scripts/bench " + section + ": " + end + " -->\n"
}

// sectionIn returns a section of a report with its borders; empty if there is none.
func sectionIn(report, section string) string {
	whole := regexp.MustCompile(`(?s)\n?` + regexp.QuoteMeta(border(section, "begin")) + `.*` + regexp.QuoteMeta(border(section, "end")))
	return whole.FindString(report)
}

// replaceSection writes a section into the file, behind all that is measured together, and leaves the others as they are.
func replaceSection(file, section, text string) error {
	content, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	report, all := string(content), ""
	for _, name := range sections {
		old := sectionIn(report, name)
		report = strings.Replace(report, old, "", 1)
		if name == section {
			old = "\n" + border(section, "begin") + text + border(section, "end")
		}
		all += old
	}
	return os.WriteFile(file, []byte(report+all), 0o644)
}

// keptSections returns those of the file.
func keptSections(file string) (kept string) {
	content, _ := os.ReadFile(file)
	for _, section := range sections {
		kept += sectionIn(string(content), section)
	}
	return kept
}
