// Package yaml is the YAML front end: it parses a playbook with positions,
// checks it, and lowers its steps to the engine's tasks and actions. What a
// playbook does is what the same program in Lua does: the same calls, in the
// same tree of tasks.
//
// # The language
//
//	playbook = head keys (those of engine.Head), vars, steps
//	vars     = {name: value …}            evaluated once, in order, before the steps
//	steps    = [step …]
//	step     = {id, name, ACTION, modifiers}
//	ACTION   = FUNCTION: arguments        any host function by its whole name
//	         | lua: text                  statements; what they return is the result
//	         | block: [step …]            in the same task; the last step's result
//	         | include: FILE              a file of steps of the playbook's folder, as a block
//	         | parallel: [step …]         one task each, key = id, else the place from 1
//	         | parallel: {KEY: step or [step …], …}
//	         | vars: {name: value …}      sets variables, in order
//	         | print: value               as Lua's print; objects and lists as JSON
//	         | fail: text                 raises a ScriptError
//
// Arguments are a mapping of names to values, or one value for the first
// parameter of a function that needs no other, or nothing.
//
//	tenant: ROLE          whose functions auth0.* and its like are, also in the steps inside
//	when: BOOL            true, false, or one expression, true as Lua's if has it
//	for_each: LIST        a list, an expression, or {FUNCTION: arguments}; *.each streams
//	  key, concurrency    an expression or a field's name; how many at once
//	  collect: true       the result is the list of results, not {done, failed}
//	retry: N              or {times, delay, on: [names of errors]}
//	timeout: 30s          or seconds
//	needs: [id …]         instead of all steps above; [] starts at once
//	register: NAME        keeps the result as vars.NAME
//	on_error: continue    or stop
//	undo: full            what is kept of what its writes replace: auto, full or off
//	weight: 3             the share of the rate budget that its calls have beside other steps
//	rescue: [step …]      run when the action has failed for the last time
//	always: [step …]      run behind it, but not when the run is stopped
//
// With for_each and parallel, timeout, retry and on_error are those of the
// items, as in parallel.each; when and tenant are evaluated for each item if
// they name item or index, else once. rescue and always belong to the step.
//
// ${{ }} holds a Lua expression: alone it keeps the type of its value, nil being
// absent; in a text it must give a string, number or boolean. It sees params,
// vars, steps.ID.result|status|error, item and index (from 1) in for_each, error
// in rescue and always, Lua's own functions and pure host functions. status is
// ok, failed or skipped. A name in an item of for_each is that item's own.
//
// # Tasks
//
// A step without needs runs in the task of its list. A list in which a step has
// needs is one parallel call, which takes its number when the list starts; each
// step with needs is an item of it, under its id or its place. for_each is
// parallel.each, parallel is parallel.run; everything else stays in its task.
//
// # Scalars
//
// Those of YAML 1.2: only true and false are booleans, 010 is ten (with a
// warning), dates are texts, integers beyond 2^53 keep their digits. null is
// sent as null; a value that is not written at all is a mistake. Keys that come
// twice, merge keys, tags beyond the core schema, cyclic and exploding aliases
// are refused. A # after a space begins a comment also inside ${{ }}.
//
// # The way through the files
//
// tree.go, scalar.go and syntax.go make nodes of yaml.v3's, template.go finds
// the expressions, step.go and modifiers.go make steps, head.go the head;
// check*.go look for what is wrong without running; run.go, action.go, each.go,
// scope.go and value.go run.
package yaml
