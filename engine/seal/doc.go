// Package seal encrypts the secret strings of JSON texts, so that they can rest
// in a journal or a plan while everything beside them stays readable there.
//
// A Box seals and opens under one master key of 32 bytes. From it HKDF-SHA256
// derives one key for AES-256-GCM with random nonces, one for the HMACs of the
// keys of calls, and one for the check value by which a journal knows its key.
// One box may seal 2^32 strings (the bound of GCM with random nonces); a
// journal has far fewer.
//
// What is sealed is bound to nothing else, on purpose: records move from a plan
// to a journal and from there to an export. Who can write the file can
// therefore exchange two sealed strings, but not read or make one.
package seal
