package sim

// Raced tells the tests outside whether they run under the race detector.
const Raced = raced
