// Reads D2 with D2's own compiler and prints what it holds as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"oss.terrastruct.com/d2/d2compiler"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	graph, _, err := d2compiler.Compile(os.Args[1], strings.NewReader(string(text)), nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	boxes := []string{}
	for _, object := range graph.Objects {
		if strings.HasPrefix(object.ID, "n") {
			boxes = append(boxes, object.ID+" "+object.Label.Value)
		}
	}
	links := [][3]string{}
	for _, edge := range graph.Edges {
		links = append(links, [3]string{edge.Src.ID, edge.Dst.ID, edge.Label.Value})
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"boxes": boxes, "links": links}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
