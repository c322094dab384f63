package serve

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"tcpprobe/internal/continuous"
	"tcpprobe/internal/discovery"
	"tcpprobe/internal/monitor"
)

// watchTimeout is how long a handshake with a target that is watched may take, if its module does not say.
const watchTimeout = 3 * time.Second

// Discover has the targets watched that sources name, as they change, until the context ends. failed is told of what is wrong with a
// source, which changes nothing.
func (s *Server) Discover(ctx context.Context, failed func(error)) {
	d := s.options.Discovery
	if d == nil {
		return
	}
	d.Run(ctx, func(groups []discovery.Group) {
		s.reloading.Lock()
		defer s.reloading.Unlock()
		s.discovered = s.groupsOf(groups)
		settings := s.configured
		s.hold(&settings)
	}, func(err error) {
		s.counters.undiscovered.Add(1)
		failed(err)
	})
}

// groupsOf returns what was discovered as a configuration would say it.
func (s *Server) groupsOf(found []discovery.Group) (groups []Group) {
	for _, f := range found {
		g := Group{Targets: f.Targets, Module: defaultModule, Labels: make(map[string]string)}
		for _, l := range f.Labels {
			g.Labels[l.Name] = l.Value
		}
		groups = append(groups, g)
	}
	return groups
}

// hold has settings hold from now on, with what was discovered beside them.
func (s *Server) hold(settings *Settings) {
	settings.Watch = slices.Concat(settings.Watch, s.discovered)
	settings.Policy.Targets = make(map[string]bool)
	for _, g := range settings.Watch {
		for _, t := range g.Targets {
			settings.Policy.Targets[Key(t)] = true
		}
	}
	s.settings.Store(settings)
	s.runner.Set(s.targetsOf(settings))
}

// targetsOf returns the targets that settings have watched. A module that is gone leaves its place to that without a name.
func (s *Server) targetsOf(settings *Settings) (all []continuous.Target) {
	for _, g := range settings.Watch {
		module, ok := settings.Modules[g.Module]
		if !ok {
			module = newModule()
		}
		spec := module.Spec
		if spec.Interval = s.options.Interval; g.Interval > 0 {
			spec.Interval = g.Interval
		}
		if spec.Handshake.Timeout = watchTimeout; module.Timeout > 0 {
			spec.Handshake.Timeout = module.Timeout
		}
		var labels []monitor.Label
		for _, name := range slices.Sorted(maps.Keys(g.Labels)) {
			labels = append(labels, monitor.Label{Name: name, Value: g.Labels[name]})
		}
		for _, t := range g.Targets {
			all = append(all, continuous.Target{Target: t, Labels: labels, Spec: spec})
		}
	}
	return all
}

// checkDiscovered returns an error if what was discovered cannot be watched as the configuration is.
func (s Settings) checkDiscovered(discovers bool) error {
	if _, ok := s.Modules[defaultModule]; discovers && !ok {
		return fmt.Errorf("there is no module %s, which the targets of --targets and --http-sd take", defaultModule)
	}
	return nil
}
