package config

// Notices are what a reader of a valid file should know although nothing is
// wrong with it; empty for most. File is what places are named after.
func (c *Config) Notices(file string) Errors {
	r := &report{file: file, places: true}
	root := c.document().root
	sections := [][]string{{"defaults", "timeouts"}}
	for _, name := range root.get("listeners").keys() {
		sections = append(sections, []string{"listeners", name, "timeouts"})
	}
	var first []string // which was meant for the whole of a request or response, maybe
	for _, at := range sections {
		timeouts := root.find(at...)
		if timeouts.get("request") != nil || timeouts.get("response") != nil {
			return nil // whoever wrote this knows
		}
		for _, key := range []string{"read", "write"} {
			if first == nil && timeouts.get(key) != nil {
				first = append(at, key)
			}
		}
	}
	if first != nil {
		f := faultf("read and write limit the time without progress, not a whole request or response")
		r.add(first, root.locate(first), f.hintf("request and response do, and are off by default"))
	}
	return r.errors
}
