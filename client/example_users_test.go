package client_test

import (
	"context"
	"fmt"
	"strings"

	"a0run/client"
)

// A file of any size is imported in parts; users that fail are named with their
// rows.
func ExampleClient_ImportUsers() {
	c, stop := start(seed)
	defer stop()
	ctx := context.Background()
	file := strings.NewReader("email,app_metadata.plan\nlin@example.com,gold\nnobody,\n") // or an *os.File

	sum, err := c.ImportUsers(ctx, file, client.ImportOptions{ConnectionID: "con_1", Name: "users.csv"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range sum.Errors {
		fmt.Println(e.Place(), e.Email, e.Message)
	}
	fmt.Println(sum.Inserted, "of", sum.Total)
	// Output:
	// row 2 nobody Object didn't pass validation for format email: nobody
	// 1 of 2
}

// All users of a tenant by an export job, as a loop.
func ExampleClient_ExportUsers() {
	c, stop := start(seed)
	defer stop()

	for user, err := range c.ExportUsers(context.Background(), client.ExportOptions{Fields: []client.ExportField{{Name: "email"}}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(user))
	}
	// Output:
	// {"email":"ada@example.com"}
	// {"email":"grace@example.com"}
}
