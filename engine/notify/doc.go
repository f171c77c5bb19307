// Package notify tells people what became of runs while nobody looked: that
// one failed, that what had failed is well again, that a plan waits for a yes,
// that a schedule missed its time. Receivers are addresses of shoutrrr
// (https://shoutrrr.nickfedor.com): Slack, Teams, Discord, mail, webhooks and
// others.
//
// # Grouped
//
// The first notice opens a group, which is sent when Options.Group has passed;
// what comes meanwhile is in the same message, so ten failures in a minute are
// one. Notices of one kind about the same playbook, tenant and error are one
// line with a count.
//
// # A dead receiver
//
// Tell never waits. Each receiver has a group of its own, at most MostNotices
// notices long (what comes beyond is counted), and one goroutine that sends.
// An attempt is given up after Options.Timeout and made again after the delays
// of Options.Retry; while it fails, what comes joins the next group. A library
// call that hangs for good holds one goroutine of its receiver, never two, and
// nothing else.
//
// # Secrets
//
// An address is a secret: no error, log or page shows one. What shoutrrr says of
// a failure is shown without the address and its parts. Notices come with their
// secrets taken out, and Options.Redact looks once more at the whole message.
package notify
