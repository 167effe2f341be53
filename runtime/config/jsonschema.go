package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// JSONSchema is the JSON Schema (draft 2020-12) of a config file, for editors:
// they complete keys, show what they mean and mark what is wrong. It accepts all
// that [Parse] does; what can only be seen by looking at several keys together
// is left to Parse.
func JSONSchema() []byte {
	top := schema.jsonSchema()
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["title"] = "rockstar-tui config"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(top); err != nil {
		panic(fmt.Sprint("config: the schema is not JSON: ", err)) // it is made of maps and texts
	}
	return b.Bytes()
}

type object = map[string]any

func (k *key) jsonSchema() object {
	o := k.jsonType()
	if k.doc != "" {
		o["description"] = k.doc
		if e := k.describe(); k.kind != section && k.kind != names {
			o["description"] = k.doc + "\nTakes effect " + e.TakesEffect + "."
		}
	}
	if k.defaultValue != "" {
		o["default"] = k.defaultValue
		switch k.kind {
		case boolean:
			o["default"] = k.defaultValue == "true"
		case integer, workers:
			o["default"] = json.Number(k.defaultValue)
		}
	}
	return o
}

const namePattern = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"

func (k *key) jsonType() object {
	switch k.kind {
	case section:
		return k.jsonSection()
	case names:
		return object{"type": "object", "propertyNames": object{"pattern": namePattern}, "additionalProperties": k.each.jsonSchema()}
	case list:
		return object{"type": "array", "items": k.each.jsonSchema(), "maxItems": k.limits.max}
	case headers:
		return object{"type": "object", "additionalProperties": object{"type": []string{"string", "number", "boolean"}}}
	case boolean:
		return object{"type": "boolean"}
	case integer:
		return k.jsonNumber()
	case workers:
		return object{"oneOf": []object{k.jsonNumber(), {"type": "string", "pattern": "^(auto|" + wholeFrom(k.limits.min, k.limits.max) + ")$"}}}
	case duration:
		return k.jsonDuration()
	case size:
		return object{"oneOf": []object{{"type": "string", "pattern": k.sizePattern()}, k.jsonNumber()}}
	case enum:
		return object{"enum": slices.Clone(k.choices)}
	}
	o := object{"type": []string{"string", "number", "boolean"}}
	if k.pattern != "" {
		o["pattern"] = k.pattern
	}
	return o
}

func (k *key) jsonDuration() object {
	o := object{"type": "string", "pattern": durationForm}
	if k.limits == (limits{}) {
		return o
	}
	var beyond []object
	for _, pattern := range k.beyondLimits() {
		beyond = append(beyond, object{"pattern": pattern})
	}
	o["not"] = object{"anyOf": beyond}
	return o
}

func (k *key) jsonNumber() object {
	o := object{"type": "integer"}
	if k.only != "" {
		o["const"] = json.Number(k.only)
	}
	if k.limits == (limits{}) {
		return o
	}
	o["minimum"], o["maximum"] = k.limits.min, k.limits.max
	if k.never {
		return object{"anyOf": []object{o, {"const": 0}}}
	}
	return o
}

func (k *key) jsonSection() object {
	properties := object{}
	var required []string
	for _, child := range k.keys {
		properties[child.name] = child.jsonSchema()
		if child.required {
			required = append(required, child.name)
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	var one []object
	for _, name := range k.oneOf {
		one = append(one, object{"required": []string{name}})
	}
	if one != nil {
		o["oneOf"] = one
	}
	return o
}
