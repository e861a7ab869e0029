// Package deploy holds what runs Signalbox with Docker beside the Dockerfile and
// docker-compose.yml of the repository's root, and the tests of all of it.
package deploy
