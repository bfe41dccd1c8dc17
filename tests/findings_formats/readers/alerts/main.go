// Reads the body of a POST to /api/v2/alerts as Alertmanager does, and prints what it makes of it as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/common/model"
)

type read struct {
	Fingerprint string            `json:"fingerprint"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    string            `json:"startsAt"`
	URL         string            `json:"url"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var alerts models.PostableAlerts
	if err := json.Unmarshal(body, &alerts); err != nil {
		return err
	}
	if err := alerts.Validate(strfmt.Default); err != nil {
		return err
	}
	all := []read{}
	for at, posted := range alerts {
		labels, annotations := model.LabelSet{}, model.LabelSet{}
		for name, value := range posted.Labels {
			// The server drops labels without a value.
			if value != "" {
				labels[model.LabelName(name)] = model.LabelValue(value)
			}
		}
		for name, value := range posted.Annotations {
			annotations[model.LabelName(name)] = model.LabelValue(value)
		}
		for _, set := range []model.LabelSet{labels, annotations} {
			if err := set.Validate(); err != nil {
				return fmt.Errorf("alert %d: %w", at, err)
			}
			// The names that every version takes, without the UTF-8 of the later ones.
			for name := range set {
				if !model.LegacyValidation.IsValidLabelName(string(name)) {
					return fmt.Errorf("alert %d: label name %q", at, name)
				}
			}
		}
		if len(labels) == 0 {
			return fmt.Errorf("alert %d: at least one label pair required", at)
		}
		starts := ""
		if !posted.StartsAt.Equal(strfmt.DateTime{}) {
			starts = posted.StartsAt.String()
		}
		all = append(all, read{labels.Fingerprint().String(), posted.Labels, posted.Annotations, starts, posted.GeneratorURL.String()})
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}
