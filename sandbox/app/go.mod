module example.com/sandbox/app

go 1.25.0
