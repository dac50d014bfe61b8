// Writes the TypeScript SDK of the package whose schema stands on standard input into the folder given as argument:
// what `pulumi package add` does in a TypeScript project, by the engine's own generator.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func main() {
	var specification schema.PackageSpec
	check(json.NewDecoder(os.Stdin).Decode(&specification))
	bound, err := schema.ImportSpec(specification, nil, schema.ValidationOptions{})
	check(err)
	files, err := nodejs.GeneratePackage("pulumi", bound, nil, nil, true, nil)
	check(err)
	for name, text := range files {
		path := filepath.Join(os.Args[1], name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, text, 0o644))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
