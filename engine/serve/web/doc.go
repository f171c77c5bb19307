// Package web is the control room: pages on which people see what runs did and
// will do, and from which they start, stop, resume, undo and approve them; and an
// HTTP API with the same powers.
//
// Pages are written on the server (html/template) and work without scripts but
// for what is live: htmx 2 with its SSE extension swaps in what the server
// sends, uPlot draws one chart, and static/room.js does the rest. All of it is
// embedded; nothing comes from elsewhere, and there is no build step.
//
// # The way of a request
//
//	headers    CSP without inline script or style, no frames, no sniffing
//	host       a name that is not ours is refused (DNS rebinding)
//	size       a body has at most 1 MB
//	origin     a write from another site is refused (CSRF), by its headers
//	session    who is it: a session's cookie, or a bearer token
//	role       may they: viewer, operator, admin
//	csrf       a form that comes with a cookie holds the session's token
//	handler
//
// Everything that a page shows goes through html/template's escaping, and texts
// of the journal through Control.Shown first, which hides what is secret.
package web
