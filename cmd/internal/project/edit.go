package project

import (
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Set puts value under keys in place of what is there, making the sections on the way; all else stays as it is, with
// its comments. The value is a string, a bool, a []string, a map[string]string, or a []Pairs of these. Document does
// not follow.
func (f *File) Set(value any, keys ...string) {
	root := f.root.Content[0]
	if lookup(root, "version") == nil {
		put(root, "version", scalar("!!int", strconv.Itoa(Version)))
	}
	at := root
	for _, key := range keys[:len(keys)-1] {
		next := lookup(at, key)
		if next == nil || next.Kind != yaml.MappingNode {
			next = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			put(at, key, next)
		}
		at = next
	}
	key := keys[len(keys)-1]
	made := nodeOf(value)
	if old := lookup(at, key); old != nil {
		made.HeadComment, made.LineComment, made.FootComment = old.HeadComment, old.LineComment, old.FootComment
		keepComments(old, made)
		*old = *made
		return
	}
	put(at, key, made)
}

// keepComments hands the comments of elements that stay to the new ones.
func keepComments(from, to *yaml.Node) {
	if from.Kind != to.Kind || from.Kind == yaml.ScalarNode {
		return
	}
	to.Style = from.Style
	for i, node := range to.Content {
		for j, old := range from.Content {
			if old.Kind != yaml.ScalarNode || old.Value != node.Value || from.Kind == yaml.MappingNode && j%2 != i%2 {
				continue
			}
			node.HeadComment, node.LineComment, node.FootComment = old.HeadComment, old.LineComment, old.FootComment
			node.Style = old.Style
		}
	}
}

func lookup(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func put(mapping *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, scalar("!!str", key), value)
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

func nodeOf(value any) *yaml.Node {
	switch value := value.(type) {
	case bool:
		return scalar("!!bool", strconv.FormatBool(value))
	case string:
		return scalar("!!str", value)
	case []string:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, v := range value {
			list.Content = append(list.Content, scalar("!!str", v))
		}
		return list
	case map[string]string:
		table := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			put(table, key, scalar("!!str", value[key]))
		}
		return table
	case []Pairs:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, pairs := range value {
			table := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			for _, pair := range pairs {
				put(table, pair.Key, nodeOf(pair.Value))
			}
			list.Content = append(list.Content, table)
		}
		return list
	default:
		panic("project: a value of another type") // of this program's own making
	}
}

// Pairs are keys with their values, in order, for Set.
type Pairs []Pair

// Pair is one of them.
type Pair struct {
	Key   string
	Value any
}
