package main

import (
	"os"
	"regexp"
	"strings"
)

// sections are the parts of the report that are measured by themselves, in their order. Each stands between two lines that say so.
var sections = []string{"sweep", "serve", "read"}

// border returns the line in front of a section, or behind it.
func border(section, end string) string {
	return "<!-- scripts/bench " + section + ": " + end + " -->\n"
}

// sectionIn returns a section of a report with its borders; empty if there is none.
func sectionIn(report, section string) string {
	whole := regexp.MustCompile(`(?s)\n?` + regexp.QuoteMeta(border(section, "begin")) + `.*` + regexp.QuoteMeta(border(section, "end")))
	return whole.FindString(report)
}

// replaceSection writes a section into the file, in the place of the one that is there.
func replaceSection(file, section, text string) error {
	content, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	report := string(content)
	text = "\n" + border(section, "begin") + text + border(section, "end")
	if old := sectionIn(report, section); old != "" {
		report = strings.Replace(report, old, text, 1)
	} else {
		report += text
	}
	return os.WriteFile(file, []byte(report), 0o644)
}

// keptSections returns those of the file.
func keptSections(file string) (kept string) {
	content, _ := os.ReadFile(file)
	for _, section := range sections {
		kept += sectionIn(string(content), section)
	}
	return kept
}
