package serve

import (
	"errors"
	"net/http"
	"time"
)

// Reload reads the settings again, and has them hold if nothing is wrong with them; else everything stays as it was.
func (s *Server) Reload() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	settings, err := s.options.Load()
	if err == nil {
		err = settings.checkDiscovered(s.options.Discovery != nil && s.options.Discovery.Sources() > 0)
	}
	if err != nil {
		s.counters.reload.Store(&reload{failed: true, success: s.counters.reload.Load().success})
		return err
	}
	s.configured = settings
	s.hold(&settings)
	if s.options.Discovery != nil {
		s.options.Discovery.Reload()
	}
	s.counters.reload.Store(&reload{success: time.Now()})
	return nil
}

// serveReload reads the settings again.
func (s *Server) serveReload(w http.ResponseWriter, r *http.Request) {
	if err := s.crossOrigin.Check(r); err != nil { // a page of elsewhere has a browser ask
		s.refuse(w, &refusal{http.StatusForbidden, errors.New("not for the pages of other sites"), refusedForeign})
		return
	}
	if err := s.Reload(); err != nil {
		writeText(w, http.StatusInternalServerError, "nothing was changed: "+err.Error()+"\n")
		return
	}
	writeText(w, http.StatusOK, "the configuration was read again\n")
}
