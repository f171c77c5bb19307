package web

// Routes are the routes of the API, as "GET /runs/{run}".
func (r *Room) Routes() []string {
	var all []string
	for _, a := range r.apiRoutes() {
		all = append(all, a.method+" "+a.path)
	}
	return all
}
