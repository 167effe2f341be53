package config

// Patch is a list of edits, applied in order.
type Patch []Edit

// Edit sets, or with Unset removes, one value of the document.
type Edit struct {
	// Path has the words of the file joined by dots: "listeners.web.timeouts.idle".
	Path string `json:"path"`
	// Value is what one would write in the file: "2s", "6", "false", or a flow
	// collection like `[{match: /, respond: {body: hi}}]`.
	Value string `json:"value,omitempty"`
	// Unset removes the key, so that it is inherited again.
	Unset bool `json:"unset,omitempty"`
}
