// Command oracle says what the API server's own code does with objects, for the test `verdicts`.
//
//	go run . OBJECTS.jsonl 'CRDS/gateway.networking.k8s.io_*.yaml' '../crds/*.yaml' > verdicts.jsonl
//
// Each line of OBJECTS.jsonl is an object; each line of the output has the fields that are wrong (`errors`), or the
// object that would be stored. The checked-in verdicts are 160 admitted and 335 refused ones of 14,000 mutated objects,
// in a smaller form. It also says on standard error what an API server finds wrong with this project's own CRDs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

type kind struct {
	ss  *structuralschema.Structural
	v   validation.SchemaValidator
	cel *cel.Validator
}

func main() {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	kinds := map[string]*kind{}
	for _, dir := range os.Args[2:] {
		files, _ := filepath.Glob(dir)
		for _, f := range files {
			if strings.Contains(f, "vap_") {
				continue
			}
			data, err := os.ReadFile(f)
			if err != nil {
				panic(err)
			}
			data, err = utilyaml.ToJSON(data)
			if err != nil {
				panic(err)
			}
			var crd apiextv1.CustomResourceDefinition
			if err := json.Unmarshal(data, &crd); err != nil {
				panic(err)
			}
			apiextv1.SetDefaults_CustomResourceDefinition(&crd)
			apiextv1.SetDefaults_CustomResourceDefinitionSpec(&crd.Spec)
			var internal apiextensions.CustomResourceDefinition
			if err := scheme.Convert(&crd, &internal, nil); err != nil {
				panic(err)
			}
			if strings.Contains(f, "nantian") {
				internal.Status.StoredVersions = []string{crd.Spec.Versions[0].Name}
				fmt.Fprintln(os.Stderr, "CRD", f, crdvalidation.ValidateCustomResourceDefinition(context.Background(), &internal))
			}
			for _, ver := range crd.Spec.Versions {
				var val apiextensions.CustomResourceValidation
				if err := scheme.Convert(ver.Schema, &val, nil); err != nil {
					panic(err)
				}
				ss, err := structuralschema.NewStructural(val.OpenAPIV3Schema)
				if err != nil {
					panic(err)
				}
				v, _, err := validation.NewSchemaValidator(val.OpenAPIV3Schema)
				if err != nil {
					panic(err)
				}
				kinds[crd.Spec.Group+"/"+ver.Name+"/"+crd.Spec.Names.Kind] = &kind{ss, v, cel.NewValidator(ss, true, celconfig.PerCallLimit)}
			}
		}
	}
	in, _ := os.Open(os.Args[1])
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for sc.Scan() {
		var obj map[string]interface{}
		if err := kjson.Unmarshal(sc.Bytes(), &obj); err != nil {
			panic(err)
		}
		av, _ := obj["apiVersion"].(string)
		kn, _ := obj["kind"].(string)
		k := kinds[av+"/"+kn]
		if k == nil {
			out.Encode(map[string]interface{}{"skip": true})
			continue
		}
		if k.ss.Properties["status"].Type != "" {
			delete(obj, "status")
		}
		pruning.Prune(obj, k.ss, true)
		defaulting.PruneNonNullableNullsWithoutDefaults(obj, k.ss)
		defaulting.Default(obj, k.ss)
		errs := validation.ValidateCustomResource(nil, obj, k.v)
		errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.ss, obj)...)
		stage := "structure"
		if len(errs) == 0 {
			stage = "rules"
			var e field.ErrorList
			e, _ = k.cel.Validate(context.Background(), nil, k.ss, obj, nil, celconfig.RuntimeCELCostBudget)
			errs = e
		}
		list := [][2]string{}
		for _, e := range errs {
			list = append(list, [2]string{e.Field, e.ErrorBody()})
		}
		res := map[string]interface{}{"stage": stage, "errors": list}
		if len(errs) == 0 {
			res["object"] = obj
		}
		out.Encode(res)
	}
}
