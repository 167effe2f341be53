// Command monitoring tells how many connections its server has.
package main

import (
	"flag"
	"log"

	"github.com/echterhof/rockstar-tui/runtime"
)

func connectionStatsHandler(ctx runtime.Context) error {
	stats := ctx.Server().Stats()

	return ctx.JSON(200, map[string]interface{}{
		"active_connections": stats.ActiveConnections,
		"total_connections":  stats.TotalConnections,
		"idle_connections":   stats.IdleConnections,
	})
}

func main() {
	addr := flag.String("addr", ":8080", "address to listen on")
	workers := flag.Int("workers", 0, "worker processes; 0 serves in this one")
	flag.Parse()

	app, err := runtime.New(runtime.FrameworkConfig{ServerConfig: runtime.ServerConfig{
		EnablePrefork:  *workers > 0,
		PreforkWorkers: *workers,
	}})
	if err != nil {
		log.Fatal(err)
	}
	app.Router().GET("/stats/connections", connectionStatsHandler)
	if err := app.Start(*addr); err != nil {
		log.Fatal(err)
	}
}
