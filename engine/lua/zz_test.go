package lua
import ("testing";"os")
func TestFile(t *testing.T) {
 b, _ := os.ReadFile(os.Getenv("F"))
 t.Log(byVM(t, "x.lua", string(b)))
}
