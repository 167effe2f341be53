// Package message is the catalog of the texts that a runtime writes: events,
// plans, problems and refusals. Each text has a [Code] and named arguments, so
// that scripts need not parse English, and a program can show a text in another
// language.
//
// A text is written once, where its code is declared:
//
//	var NoListener = text("listener.unknown", `no listener "{listener}"`)
//
// The names in braces are its arguments. [New] takes their values in the order
// in which the English text first names them. {n|worker|workers} is a word that
// depends on whether n is 1:
//
//	`{n} {n|worker|workers} of {listener}`
//
// A value may be other messages: they appear in the same language, joined by
// "; ", or by ", " where the text says {changes|, }. Texts of the system, such as
// those of its errors, are plain values and in no catalog.
//
// Another language is another table from codes to texts, which may name the
// arguments in another order. English replaces texts that the table lacks.
package message

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Code names a text of the catalog. It never changes.
type Code string

// Message is a text with its code and arguments. A message without a code is in
// no catalog and has only its Text.
type Message struct {
	Code Code `json:"code,omitempty"`
	Args Args `json:"args,omitempty"`
	// Text in English.
	Text string `json:"message"`
}

// Args of a text by name.
type Args map[string]Arg

// Arg is the value of an argument: a text, or other messages.
type Arg struct {
	Text     string
	Messages []Message
}

// New is the message of a code, with the values of its arguments in the order in
// which the English text names them: strings, numbers, durations, errors,
// anything with a String method, a [Message] or several.
func New(code Code, values ...any) Message {
	var args Args
	for i, name := range namesIn(english[code]) {
		if i == len(values) {
			break // found by a test of all calls
		}
		if args == nil {
			args = Args{}
		}
		args[name] = argOf(values[i])
	}
	return With(code, args)
}

// With is the message of a code whose arguments are known by their names.
func With(code Code, args Args) Message {
	return Message{Code: code, Args: args, Text: fill(english[code], args)}
}

// Plain returns a message that is in no catalog.
func Plain(text string) Message { return Message{Text: text} }

func argOf(value any) Arg {
	switch v := value.(type) {
	case Message:
		if v.Code == "" {
			return Arg{Text: v.Text}
		}
		return Arg{Messages: []Message{v}}
	case []Message:
		return Arg{Messages: v}
	}
	return Arg{Text: fmt.Sprint(value)}
}

// String is the text in English.
func (m Message) String() string { return m.Text }

// String is the value in English.
func (a Arg) String() string { return a.join("; ") }

func (a Arg) join(separator string) string {
	if a.Messages == nil {
		return a.Text
	}
	var parts []string
	for _, m := range a.Messages {
		parts = append(parts, m.Text)
	}
	return strings.Join(parts, separator)
}

// MarshalJSON writes a string, or an array of messages.
func (a Arg) MarshalJSON() ([]byte, error) {
	if a.Messages == nil {
		return json.Marshal(a.Text)
	}
	return json.Marshal(a.Messages)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Arg) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, &a.Messages)
	}
	return json.Unmarshal(data, &a.Text)
}

// english has the texts by code. Only text adds to it.
var english = map[Code]string{}

// text adds a text to the catalog.
func text(code Code, template string) Code {
	if _, taken := english[code]; taken {
		panic("message: two texts have the code " + code)
	}
	english[code] = template
	return code
}

// Template is the English text of a code with its braces; empty if there is none.
func Template(code Code) string { return english[code] }

// namesIn are the arguments of a template, in the order in which it names them.
func namesIn(template string) (names []string) {
	for part := range segments(template) {
		if name, _, _ := strings.Cut(part, "|"); part != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// fill puts arguments into a template.
func fill(template string, args Args) string {
	var b strings.Builder
	for part, literal := range segments(template) {
		b.WriteString(literal)
		if part == "" {
			continue
		}
		name, forms, hasForms := strings.Cut(part, "|")
		one, many, isNumber := strings.Cut(forms, "|")
		switch value := args[name]; {
		case !hasForms:
			b.WriteString(value.String())
		case !isNumber:
			b.WriteString(value.join(forms))
		case value.Text == "1":
			b.WriteString(one)
		default:
			b.WriteString(many)
		}
	}
	return b.String()
}

// segments yields what is between braces, each time with the literal text before
// it, and at the end the literal that is left with nothing behind it.
func segments(template string) func(yield func(part, literal string) bool) {
	return func(yield func(part, literal string) bool) {
		for {
			literal, rest, found := strings.Cut(template, "{")
			part, after, closed := strings.Cut(rest, "}")
			if !found || !closed || part == "" {
				yield("", template)
				return
			}
			if !yield(part, literal) {
				return
			}
			template = after
		}
	}
}
